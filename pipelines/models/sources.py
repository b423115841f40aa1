"""Where labelled data comes from that is not kept here, by the sha256 of its file: (title, origin, licence)."""

KNOWN = {
    "e875746fd9f4a09b4a59ee31b5261169d62028be503a7cd591dee6a857ab86c8": (
        "SMS Spam Collection (Almeida, Gómez Hidalgo, Yamakami 2011), 60 % of it",
        "https://archive.ics.uci.edu/dataset/228/sms+spam+collection; github.com/hamzaaacodes/sms-spam-collection f3e73e1e",
        "CC-BY-4.0",
    ),
    "983f78761e0bbb3c7518951c1dbcdbaaa09b52aa2c05b471082a7803502a69ae": (
        "Universal Declaration of Human Rights, sentences in 388 languages", "https://github.com/nltk/nltk_data 5db857e6", "public domain",
    ),
    "7c5fb5793e31fbeae12bf1aa0ffda5336468f07cedb50654c6d31ca384e2046b": (
        "Inaugural addresses of the presidents of the USA, 1789 to 2021", "https://github.com/nltk/nltk_data 5db857e6", "public domain",
    ),
    "3bfcdd54ab90c8bab232235226a00e28b0d457c3c19e87230f73dde1880e6c44": (
        "Surge AI toxicity data set, English", "https://github.com/surge-ai/toxicity ea80324b", "MIT",
    ),
    "fcb8bc7c68120ae4af04a5b9acd58585513ede11e1548ebf36a5c2040b6f6281": (
        "Davidson et al. 2017, hate speech and offensive language (tweets; measured on, never learnt from)",
        "https://github.com/t-davidson/hate-speech-and-offensive-language cb50f7e9", "MIT",
    ),
}  # fmt: skip
