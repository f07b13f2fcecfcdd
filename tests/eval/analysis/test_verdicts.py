"""The sentences of a verdict."""

import re

from eval.analysis.verdicts import contrast_verdict


def test_the_verdict_lists_shown_differences_and_the_detectable_one(three_contrasts):
    ft, leia, _ = three_contrasts
    assert re.match(
        r"No difference between ft and base is shown in 5 tasks after Holm's correction\. Minimum detectable",
        contrast_verdict(ft)[0],
    )
    assert [f.name for f in leia.tasks if f.is_shown] == ["xcsqa_ja", "xcsqa_ar"]
    assert contrast_verdict(leia)[0].startswith(
        "leia is above base in 2 of 5 tasks, at 5 % after Holm's correction, in points: xcsqa_ja +2"
    )
    assert any(sentence.startswith("xcsqa, 3 languages together: +1") for sentence in contrast_verdict(leia))
    assert any("In English (2 tasks), xcodah_en is the least certain: +0.0" in sentence for sentence in contrast_verdict(leia))
    assert "One training run of base:" in contrast_verdict(leia)[-1]
    assert "One training run of base and of ft:" in contrast_verdict(ft)[-1]
