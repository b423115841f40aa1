"""`python -m pipelines.contracts`: writes schemas/json/ anew."""

from pipelines.contracts.files import FOLDER, made

if __name__ == "__main__":
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in made().items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"wrote {len(made())} schemas to {FOLDER}")
