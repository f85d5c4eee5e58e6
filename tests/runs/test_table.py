"""The table and the picture that go into documents."""

import xml.etree.ElementTree as ElementTree

from partwise.runs.table import study_markdown, study_picture

RATE = {"mean": 0.5, "ci95": [0.4, 0.6], "n": 100}
UNDEFINED = {"mean": None, "ci95": None, "n": 0}
ARM = {
    **dict.fromkeys(("correct", "aligned", "aligned_and_correct"), RATE),
    "hacking_rate": UNDEFINED,
    "counts": {"ran": 90, "raised": 10},
}
SEED = {"arms": {"floor": ARM, "ceiling": ARM}, "gap_recovered": {"parts": RATE, "strategies": UNDEFINED}}
RESULTS = {
    "arms": {"ceiling": ARM, "floor": ARM},
    "part_to_complete": {"gap_recovered": {"parts": RATE, "strategies": UNDEFINED}, "correlation": RATE},
    "seeds": {"0": SEED, "1": SEED},
}


def test_the_table_has_every_arm_in_order_and_says_undefined():
    text = study_markdown(RESULTS, "A study")
    assert text.index("**floor**") < text.index("**ceiling**")
    assert "| **floor** | .50 [.40, .60] | .50 [.40, .60] | .50 [.40, .60] | undefined | .90 | 100 |" in text
    assert "| 1 | .50 | .50 | .50 | undefined |" in text


def test_one_seed_has_no_table_by_seed():
    assert "seed by seed" not in study_markdown(RESULTS | {"seeds": {"0": SEED}}, "A study")


def test_the_picture_is_an_svg_that_stands_alone_and_does_not_change():
    picture = study_picture(RESULTS)
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert picture == study_picture(RESULTS)
