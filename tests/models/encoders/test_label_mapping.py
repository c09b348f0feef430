from types import SimpleNamespace

import pytest

from closecall.data.datasets.store import DatasetInfo
from closecall.models.encoders.label_mapping import positive_output

INFO = DatasetInfo(
    "posts", "Posts", positive_classes=("comp.sys.mac",), negative_classes=("comp.sys.ibm", "sci.electronics")
)


@pytest.mark.parametrize(
    ("names", "index"),
    [
        ({0: "comp.sys.ibm", 1: "comp.sys.mac"}, 1),
        ({0: "Comp Sys-Mac", 1: "other"}, 0),
        ({0: "rest", 1: "comp.sys.mac"}, 1),
        ({0: "SCI.ELECTRONICS", 1: "rest"}, 1),
        ({0: "rest", 1: "comp.sys.ibm"}, 0),
        ({0: "NEGATIVE", 1: "POSITIVE"}, 1),
        ({0: "positive", 1: "negative"}, 0),
        ({"0": "pos", "1": "neg"}, 0),
    ],
)
def test_names_tell_the_positive_output(names: dict, index: int) -> None:
    side = positive_output(SimpleNamespace(id2label=names), INFO)
    assert (side.index, side.assumption) == (index, "")


@pytest.mark.parametrize(
    "names", [{0: "LABEL_0", 1: "LABEL_1"}, {0: "comp.sys.mac", 1: "comp.sys.mac"}, {0: "", 1: ""}, {}]
)
def test_otherwise_the_second_output_is_positive_with_a_note(names: dict) -> None:
    side = positive_output(SimpleNamespace(id2label=names), INFO)
    assert side.index == 1 and "second is taken as positive" in side.assumption
