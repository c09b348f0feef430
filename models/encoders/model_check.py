"""Load a model folder and read two texts with it before anything is queued, so that a broken one is refused at once.

    python -m closecall.models.encoders.model_check    a JSON object on stdin, one on stdout

In: `source`, `classifier`, `max_tokens`. Out: a HeadConfig, or `error` with one sentence. Only the check imports torch;
its result is kept in the workspace until a file of the folder changes.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from closecall.data.io.errors import UserError
from closecall.data.io.files import read_json, write_json
from closecall.data.io.workspace import workspace_folder
from closecall.models.runtime.capacity import threads_per_process
from closecall.models.runtime.child_process import CODE_FOLDER, child_environment

CHECK_SECONDS = 300.0


@dataclass(frozen=True)
class HeadConfig:
    """What a classifier's config says about its outputs: their names by index, and what it was trained for."""

    id2label: dict[str, str]
    problem_type: str | None


def check_model(source: str, *, classifier: bool, max_tokens: int) -> HeadConfig:
    """Load a model folder and read a short text and one of `max_tokens` tokens.

    Takes some seconds in a process of its own, where torch is not imported yet; nothing when the folder was checked
    before. UserError when the model cannot be loaded, cannot read texts of this length, or gives no numbers.
    """
    path = workspace_folder() / "cache" / "model-checks" / f"{_key(source, classifier, max_tokens)}.json"
    try:
        return HeadConfig(**read_json(path))
    except (UserError, TypeError):
        pass
    run = _check_here if "torch" in sys.modules else _check_in_child
    found = run({"source": source, "classifier": classifier, "max_tokens": max_tokens})
    write_json(path, asdict(found))
    return found


def main() -> int:
    """Exit code 0 with a HeadConfig on the last line of the output, 1 with an `error`."""
    try:
        print(json.dumps(asdict(_check_here(json.load(sys.stdin)))))
    except UserError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    return 0


def _check_in_child(request: dict[str, Any]) -> HeadConfig:
    try:
        child = subprocess.run(
            [sys.executable, "-m", "closecall.models.encoders.model_check"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            cwd=CODE_FOLDER,
            env=child_environment(threads_per_process()),
            timeout=CHECK_SECONDS,
        )
        answer = json.loads(child.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise UserError(f"{request['source']} could not be checked: it takes too long to read two texts.") from None
    except (ValueError, IndexError):
        last = (child.stderr.strip().splitlines() or ["no message"])[-1][:200]
        raise UserError(f"{request['source']} could not be checked ({last}).") from None
    if "error" in answer:
        raise UserError(answer["error"])
    return HeadConfig(**answer)


def _check_here(request: dict[str, Any]) -> HeadConfig:
    import numpy as np

    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import check_length, load_checkpoint, load_classifier, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise

    source, max_tokens = str(request["source"]), int(request["max_tokens"])
    tokenizer = load_tokenizer(source)
    check_length(source, tokenizer, max_tokens)
    model: Any = load_checkpoint(source) if request["classifier"] else load_classifier(source, seed=0)
    _check_vocabulary(source, tokenizer, model)
    tokens = tokenise(["a text", "a text " * max_tokens], tokenizer, max_tokens)
    try:
        read = run_inference(model, tokens, np.arange(2))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{source} cannot read a text of {int(tokens.lengths.max())} tokens ({reason}).") from error
    if read.logits is None or read.embeddings is None or not all(map(_finite, (read.logits, read.embeddings))):
        raise UserError(f"{source} gives NaN or infinite numbers for a short text. Its weights are damaged.")
    labels = {str(index): str(name) for index, name in model.config.id2label.items()}
    return HeadConfig(labels, getattr(model.config, "problem_type", None))


def _check_vocabulary(source: str, tokenizer: Any, model: Any) -> None:
    """UserError when texts may have tokens without an embedding: the tokenizer is another model's."""
    embedded = int(model.get_input_embeddings().weight.shape[0])
    special = set(tokenizer.all_special_ids)
    last = max((index for index in tokenizer.get_vocab().values() if index not in special), default=0)
    if last >= embedded:
        raise UserError(
            f"The tokenizer of {source} has tokens up to {last:,}, its model embeds {embedded:,}: the tokenizer of "
            "another model was saved with it."
        )


def _finite(values: Any) -> bool:
    import numpy as np

    return bool(np.isfinite(values).all())


def _key(source: str, classifier: bool, max_tokens: int) -> str:
    """A hash of what is asked, and of the folder's file names, sizes and times."""
    files = [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in sorted(Path(source).glob("*"))]
    return sha256(repr((source, classifier, max_tokens, files)).encode()).hexdigest()[:32]


if __name__ == "__main__":
    sys.exit(main())
