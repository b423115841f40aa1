"""Rules for source code: those of The Stack and StarCoder, and what nobody wrote by hand or for this project."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

STARCODER = "Li et al. 2023, arXiv 2305.06161 (StarCoder), section 3"
STARCODER_2 = "Lozhkov et al. 2024, arXiv 2402.19173 (StarCoder 2), section 2.1, basic filters"
LINGUIST = "GitHub Linguist, vendor.yml and generated.rb"

CODE_QUALITY = rule_judge(
    "quality.code",
    2,
    (
        Rule(name="max_vendored", signal="is_vendored", at_most=0, reason=Reason.VENDORED, source=LINGUIST),
        Rule(name="max_generated", signal="is_generated", at_most=0, reason=Reason.GENERATED, source=f"{STARCODER_2}; {LINGUIST}"),
        Rule(name="max_minified", signal="is_minified", at_most=0, reason=Reason.MINIFIED, source=LINGUIST),
        Rule(name="max_lines", signal="line_count", at_most=100_000, reason=Reason.DATA_FILE, source=STARCODER_2),
        Rule(name="max_data_lines", signal="data_line_count", at_most=512, reason=Reason.DATA_FILE, source=STARCODER_2),
        Rule(
            name="max_data_characters", signal="data_size_chars", at_most=20_000, reason=Reason.DATA_FILE,
            source="Chosen: 512 lines of 40 characters, for data without lines; StarCoder takes 5,000, which loses build files",
        ),
        Rule(
            name="max_encoded_run", signal="longest_encoded_chars", at_most=1024, reason=Reason.ENCODED_DATA, source=STARCODER_2
        ),
        Rule(name="max_encoded_ratio", signal="encoded_ratio", at_most=0.5, reason=Reason.ENCODED_DATA, source=STARCODER_2),
        Rule(
            name="max_line_length", signal="code_max_line_length_chars", at_most=1000, reason=Reason.LONG_LINES, source=STARCODER_2
        ),
        Rule(
            name="max_mean_line_length", signal="code_mean_line_length_chars", at_most=100, reason=Reason.LONG_LINES,
            source=STARCODER_2,
        ),
        Rule(
            name="max_markup_line_length", signal="max_line_length_chars", at_most=100_000, reason=Reason.LONG_LINES,
            source=STARCODER_2,
        ),
        Rule(
            name="min_alphanumeric_ratio", signal="alphanumeric_ratio", at_least=0.25, reason=Reason.TOO_FEW_ALPHANUMERICS,
            source="bigcode-dataset, preprocessing/README.md, basic filter; Chen et al. 2021, arXiv 2107.03374 (Codex)",
        ),
        Rule(
            name="min_letter_ratio", signal="letter_ratio", at_least=0.25, reason=Reason.TOO_FEW_LETTERS,
            source=f"{STARCODER_2}: all but assembly; Chosen: data has rules of its own",
        ),
        Rule(
            name="min_visible_characters", signal="visible_character_count", at_least=100, reason=Reason.HIDDEN_TEXT,
            source=f"{STARCODER}, HTML filter",
        ),
        Rule(name="min_visible_ratio", signal="visible_ratio", at_least=0.2, reason=Reason.HIDDEN_TEXT, source=f"{STARCODER}, HTML filter"),
        Rule(name="max_other_xml", signal="is_other_xml", at_most=0, reason=Reason.DATA_FILE, source=f"{STARCODER}, XML filter"),
        Rule(
            name="max_other_text", signal="is_other_text", at_most=1, reason=Reason.DATA_FILE,
            source=f"Chosen: 1 keeps all; {STARCODER_2} keeps only READMEs, notes and requirements (0), which loses AUTHORS and manuals",
        ),
        Rule(
            name="max_secrets", signal="secret_count", at_most=1_000_000, reason=Reason.SECRETS,
            source="Chosen: secrets are redacted, which keeps the file; 0 drops every file that holds one",
        ),
        Rule(
            name="max_test_rank", signal="test_rank", at_most=1.0, reason=Reason.TEST_FILE,
            source="Chosen: all tests are kept; 0.3 keeps about 30 % of them, always the same ones",
        ),
        Rule(
            name="max_config_rank", signal="config_rank", at_most=1.0, reason=Reason.CONFIG_FILE,
            source="Chosen: all settings of tools are kept; 0.3 keeps about 30 % of them, always the same ones",
        ),
        Rule(
            name="min_characters", signal="character_count", at_least=50, reason=Reason.TOO_FEW_CHARACTERS,
            source=f"{STARCODER}: the lower bound for JSON and YAML; Chosen: for all, a line of code teaches nothing",
        ),
    ),
)  # fmt: skip
