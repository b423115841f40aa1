"""Which recordings are sound enough to learn from, and whose words can be theirs."""

from pipelines.stage import Rule, rule_judge
from schemas.reasons import Reason

AUDIO_QUALITY = rule_judge(
    "quality.audio",
    2,
    (
        Rule(
            name="min_duration_s", signal="duration_s", at_least=0.1, reason=Reason.SOUND_TOO_SHORT,
            source="Chosen: the shortest of 300 spoken digits (FSDD) lasts 0.144 s; nothing shorter is a word",
        ),
        Rule(
            name="max_duration_s", signal="duration_s", at_most=600.0, reason=Reason.SOUND_TOO_LONG,
            source="Chosen: twenty windows of Whisper (30 s; Radford et al. 2022, arXiv 2212.04356, section 2.1): words of a "
            "longer recording cannot be found in it without alignment",
        ),
        Rule(
            name="min_sample_rate", signal="sample_rate", at_least=8000, reason=Reason.LOW_SAMPLE_RATE,
            source="ITU-T G.711, section 2: the telephone's rate",
        ),
        Rule(
            name="max_silence_ratio", signal="silence_ratio", at_most=0.98, reason=Reason.SILENT,
            source="Chosen: no recording of the shared corpora is silent for more than 0.56 of its time, but for four that "
            "are so throughout; a word before or after half a minute of silence still counts",
        ),
        Rule(
            name="max_clipping_ratio", signal="clipping_ratio", at_most=0.2, reason=Reason.CLIPPED,
            source="Chosen: overdriven speech that can still be understood comes to 0.16; floats that are no -1..1 to nearly 1",
        ),
        Rule(
            name="max_characters_per_second", signal="characters_per_second", at_most=40.0, reason=Reason.TOO_MUCH_TEXT,
            source="Chosen: read speech comes to 24 in French, 20 in English (shared corpora, from a second on), less in "
            "scripts whose characters are syllables or words; captions of sounds to 27",
        ),
        Rule(
            name="min_characters_per_speech_second", signal="characters_per_speech_second", at_least=0.3,
            reason=Reason.TOO_LITTLE_TEXT,
            source="Chosen: speech comes to 4 a second in Chinese, 15 in English; a caption (\"A man speaks.\") still fits 40 s of "
            "it, the title of an episode does not",
        ),
        Rule(
            name="max_text_compression_ratio", signal="text_compression_ratio", at_most=2.4, reason=Reason.REPEATED_PHRASES,
            source="Radford et al. 2022 (Whisper), arXiv 2212.04356, section 4.5: such a text is a loop of the decoder",
        ),
        Rule(
            name="min_snr_db", signal="snr_db", at_least=-10.0, reason=Reason.NOISY,
            source="Chosen: -10 is the least there is, so nothing is dropped: the estimate is made for speech, and sounds are wanted "
            "too. For speech, Hi-Fi TTS takes 32 (Bakhturina et al. 2021, arXiv 2104.01497, section 3.2)",
        ),
        Rule(
            name="min_bandwidth_hz", signal="bandwidth_hz", at_least=0.0, reason=Reason.NARROW_BAND,
            source="Chosen: nothing is dropped, as a cuckoo has less than 2 kHz. For speech, Hi-Fi TTS takes 13,000; 4,000 and less is "
            "a telephone's (ITU-T G.711), whatever the sample rate",
        ),
        Rule(
            name="min_speech_ratio", signal="speech_ratio", at_least=0.0, reason=Reason.TOO_LITTLE_SPEECH,
            source="Chosen: nothing is dropped, as half of all sound effects have no speech. Of 302 spoken captions of the shared "
            "corpora the least has 0.19",
        ),
    ),
)  # fmt: skip
