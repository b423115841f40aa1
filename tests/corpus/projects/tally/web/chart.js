"use strict";

// Draws the JSON of `tally --json` as horizontal bars into a canvas.
function drawChart(canvas, tally) {
  const pen = canvas.getContext("2d");
  const rows = tally.words;
  const largest = rows.reduce((most, row) => Math.max(most, row.count), 1);
  const height = canvas.height / Math.max(rows.length, 1);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  rows.forEach((row, index) => {
    const width = (canvas.width - 120) * (row.count / largest);
    pen.fillStyle = index % 2 === 0 ? "#336699" : "#6699cc";
    pen.fillRect(110, index * height + 2, width, height - 4);
    pen.fillStyle = "#222222";
    pen.fillText(row.word, 4, index * height + height / 2);
    pen.fillText(String(row.count), 114 + width, index * height + height / 2);
  });
}

async function loadChart(canvas, address) {
  const answer = await fetch(address);
  if (!answer.ok) {
    throw new Error(address + " answered " + answer.status);
  }
  drawChart(canvas, await answer.json());
}

export { drawChart, loadChart };
