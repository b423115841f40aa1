"""Personal data and secrets to plant: one of everything that is redacted, in a sentence; nothing here is, or ever was, anybody's.

Secrets are put together from halves, so that no scanner takes this file for a leak.
"""

import base64
import json


def _jwt(payload: dict[str, object]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, payload)
    head = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.q3Vd8sT0xLmZ2pYw7RkNf5aHc1JbUe9GoI4iQvXyBnM"


_BODY = "MC4CAQAwBQYDK2VwBCIEI" + "Kj8vQ2mXz7Lr4tYwN0pDfGs5hUbE1cAoRi9TkVx3JqZ"
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{_BODY}\n-----END PRIVATE KEY-----"

# kind -> (what must go, a sentence with {} in its place, its language)
PERSONAL = {
    "email": ("anna.weir@mail.example", "Write to {}, please.", "en"),
    "ip": ("203.0.113.77", "The request came from {} at noon.", "en"),
    "phone": ("+44 20 7946 0958", "Her number is {}.", "en"),
    "iban": ("DE89 3704 0044 0532 0130 00", "Pay into {} by Friday.", "en"),
    "payment_card": ("4539 1488 0343 6467", "Charged to {} in May.", "en"),
    "us_ssn": ("536-90-4399", "Social security number: {}.", "en"),
    "uk_nino": ("AB 12 34 56 C", "National insurance number {}.", "en"),
    "de_tax_id": ("65 929 970 489", "Steuer-ID: {}.", "de"),
    "fr_nir": ("2 95 10 99 126 111 93", "Numéro de sécurité sociale : {}.", "fr"),
    "es_dni": ("12345678Z", "Con DNI {} y domicilio en Soria.", "es"),
    "it_codice_fiscale": ("RSSMRA85T10A562S", "Il codice è {}.", "it"),
    "nl_bsn": ("111222333", "Haar BSN is {}.", "nl"),
    "be_national": ("85.07.30-033.28", "Rijksregister {}.", "nl"),
    "pl_pesel": ("44051401359", "PESEL: {}.", "pl"),
    "br_cpf": ("390.533.447-05", "Portadora de {}.", "pt"),
    "cn_resident_id": ("11010519491231002X", "号码 {} 。", "zh"),
    "fi_hetu": ("131052-308T", "Henkilötunnus {}.", "fi"),
    "se_personal": ("811228-9874", "Personnummer {}.", "sv"),
    "ch_ahv": ("756.9217.0769.85", "Nummer {}.", "de"),
    "in_aadhaar": ("2341 2341 2346", "Aadhaar number {}.", "en"),
    "au_tfn": ("123 456 782", "Tax file number {}.", "en"),
    "ca_sin": ("246 454 284", "Her SIN: {}.", "en"),
    "kr_resident": ("971013-1019901", "주민등록번호 {}.", "ko"),
}  # fmt: skip
SECRETS = {
    "private_key": (PRIVATE_KEY, "key = '''{}'''"),
    "aws_access_key": ("AKIA" + "Z7Q4M2XK6WPVN3RT", "id: {}"),
    "aws_secret_key": ("kX9mQ2vL7pR4tY8wZ1nB" + "5cD3fG6hJ0sA+eU/iOyT", "aws_secret_access_key = {}"),
    "gcp_api_key": ("AIza" + "SyD4x8Qm2Lk7Rt5Vw9Zp1Nb3Cf6Gh0Js-Ae", "const K = '{}';"),
    "gcp_oauth": ("GOCSPX-" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0Js", "client: {}"),
    "azure_key": ("k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiOyT" * 2 + "+/x9Qm2Lx9Rt5Vw==", "AccountKey={};EndpointSuffix=x"),
    "github_token": ("ghp_" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiOyT4", "use {} here"),
    "gitlab_token": ("glpat-" + "x9Qm2Lk7Rt5Vw8Zp1Nb3", "use {} here"),
    "slack_token": ("xoxb-" + "284710593861-9Qm2Lk7Rt5Vw8Zp1Nb3Cf6Gh", "use {} here"),
    "slack_webhook": ("T7Q4M2XK6/B8WPVN3RT/" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6G", "post to https://hooks.slack.com/services/{}"),
    "stripe_key": ("sk_live_" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6G", "use {} here"),
    "openai_key": ("sk-proj-" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiOyT4", "use {} here"),
    "huggingface_token": ("hf_" + "kQmLxRtVwZpNbCfGhJsAeUiOyTqWzXvBnM", "use {} here"),
    "npm_token": ("npm_" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiOyT4", "use {} here"),
    "pypi_token": ("pypi-AgEIcHlwaS5vcmc" + "CJDk7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiOyT4kWq2Bz", "use {} here"),
    "sendgrid_key": ("SG." + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf." + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiOyT4kWq2BzM", "use {} here"),
    "telegram_token": ("284710593:AA" + "k7Qm2Lx9Rt5Vw8Zp1Nb3Cf6Gh0JsAeUiO", "use {} here"),
    "service_token": ("dop_v1_" + "0b7e4c9a1f5d8236" * 4, "use {} here"),
    "jwt": (_jwt({"sub": "anna", "iat": 1767225600}), "Cookie: {}"),
    "url_password": ("q7Wm-x2Lk", "see ftp://anna:{}@files.mill.example/pub"),
    "authorization": ("k7Qm2Lx9Rt5Vw8Zp1Nb3Cf", '-H "Authorization: Bearer {}"'),
    "password": ("tr0ub4dor&3x", "db_password = '{}'"),
    "api_key": ("9f86d081884c7d659a2feaa0c55ad015", 'API_KEY: "{}"'),
}  # fmt: skip
EVERY = {
    **PERSONAL,
    **{kind: (value, sentence, None) for kind, (value, sentence) in SECRETS.items()},
}

# What looks like one of them and is none.
LEFT = (
    "Version 24.3.101.7 of the driver, network 198.51.100.0/24, hosts 10.1.2.3 and ::1, section 7.1.12.1, OID 2.5.29.35.",
    "std::vector<int> a[1:2:3]; at 12:30:45 on 2014-02-26, portable 2014-02-26, pages 1914-1918, ISBN 978-3-16-148410-0.",
    "x = a*x**4 + 163721250*x**3 + 4991234567; y = 4111111111111112; z = 4539148803436467; 0.4539148803436467",
    "git@github.com:river/ferry.git icon@2x.png user.name@w.mean() @decorator lodash@4.17.21",
    "The test card 4111 1111 1111 1111, the number 4539 1488 0343 6468, part no. 12345678Z, sum 111222333.",
    "password = 'password123' api_key='your-api-key-here-0123456789' token = os.environ['GITHUB_TOKEN_V2_NAME']",
    "aws: AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY, sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "postgres://user:password@localhost/db redis://:$REDIS_PASSWORD@host https://{user}:{token1234}@host/ http://host:8080/a@b",
    "public_key: x25519.X25519PublicKey; secret_name = 'projects/one/secrets/key-2/versions/3'; tokenizer = 'timm/ViT-B-16-SigLIP-i18n-256'",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY----- and -----BEGIN PUBLIC KEY-----",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b, uuid 123e4567-e89b-12d3-a456-426614174000, sha256:e3b0c44298fc1c149afbf4c8996fb924",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "The IBAN DE89 3704 0044 0532 0130 01 is wrong, and so is GB00 WEST 1234 5698 7654 32.",
    "Call 911, room 1234567, +12, order 555-1234-99999, invoice 030-2312501444444.",
)

MAIL, PHONE = "anna.keller@mail.example", "+44 20 7946 0971"
# Where they are planted: words of a page, of a book, of a file of code, of a caption, of a transcript; a title; names of files.
LETTER = f"Write to {MAIL} or to the gauge at 203.0.113.78 for the readings."
BOOK = "Pay into GB29 NWBK 6016 1331 9268 19 or ask kate.rowe@mail.example, who has the card 5425 2334 3010 9903."
CAPTION = "An orange star to the right of a black ring, by jo.penn@mail.example (+49 30 23125 178)."
TRANSCRIPT = "Rain that grows. Call +33 1 42 68 53 17."
# As they are published.
REDACTED = {
    CAPTION: "An orange star to the right of a black ring, by <email> (<phone>).",
    TRANSCRIPT: "Rain that grows. Call <phone>.",
}
TITLE = "A letter to ned.weir@mail.example"
FILE = "sam.moor@mail.example"
# All of it, as it must be found nowhere.
VALUES = (
    *(value for value, _, _ in EVERY.values()), _BODY, MAIL, "203.0.113.78", "GB29 NWBK 6016 1331 9268 19", "kate.rowe@", "5425 2334 3010 9903",
    "jo.penn@", "+49 30 23125 178", "+33 1 42 68 53 17", "ned.weir@", "sam.moor@", "sam.moor%40",
)  # fmt: skip


def sentences() -> str:
    """All personal data, a sentence each."""
    return " ".join(sentence.replace("{}", value) for value, sentence, _ in PERSONAL.values())


def settings() -> str:
    """All secrets, as somebody who does not know better writes them into a Python file."""
    lines = [f'    r"""{sentence.replace("{}", value)} """,' for value, sentence in SECRETS.values()]
    return "\n".join(
        ['"""Settings of the tally, and notes on how to reach its services."""', "", "NOTES = (", *lines, ")", ""]
    )
