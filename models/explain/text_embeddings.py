"""Embed texts outside an experiment: by the built-in encoder, or by word weights where it is missing.

Importing this module does not import torch.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from closecall.analysis.causes.vocabulary import vocabulary
from closecall.data.io.assets import ENCODER, assets_status
from closecall.data.io.errors import UserError
from closecall.models.runtime.capacity import free_cores, threads_per_process
from closecall.models.runtime.extras import require_training

BUILT_IN = "minilm"
MAX_TOKENS = 128
"""Tokens of each text that are embedded: half the time of 256, and the subject of a text is mostly clear by then."""
DIMENSIONS = 100
"""Dimensions of the embeddings by word weights, at most."""
PARTS = 2
"""Parts of the texts that are embedded at the same time. Constant: the last digits depend on the batches."""
OnShare = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


def why_no_encoder(encoder: str = BUILT_IN) -> str:
    """Why texts cannot be embedded by an encoder here, "" when they can. Downloads nothing."""
    try:
        require_training()
    except UserError:
        return 'PyTorch is not installed (pip install "closecall[train]")'
    if encoder == BUILT_IN and not is_downloaded(ENCODER.name):
        return "the built-in encoder is not downloaded (closecall assets)"
    return ""


def is_downloaded(asset: str) -> bool:
    """Whether the asset of this name is complete."""
    return any(one.present for one in assets_status() if one.name == asset)


def encoder_embeddings(
    texts: Sequence[str], encoder: str, on_share: OnShare, *, max_tokens: int = MAX_TOKENS
) -> np.ndarray:
    """Embeddings of the first `max_tokens` tokens of each text, rows of length 1. Shape (n, hidden), n > 0."""
    import torch

    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import load_encoder, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise
    from closecall.models.runtime.devices import claim_device

    tokens = tokenise(texts, load_tokenizer(encoder), max_tokens)
    parts = [np.arange(len(texts))[start::PARTS] for start in range(min(PARTS, len(texts)))]
    done = [0] * len(parts)
    device = claim_device()

    def embed(part: int) -> np.ndarray:
        def on_batch(number: int, padded: int, examples: int) -> None:
            done[part] += examples
            on_share(sum(done) / len(texts))

        torch.set_num_threads(threads_per_process())  # a setting of each thread
        model = load_encoder(encoder).to(device)  # type: ignore[arg-type]  # one each: inference hooks into it
        found = run_inference(model, tokens, parts[part], score=False, on_batch=on_batch).embeddings
        assert found is not None
        return found

    with ThreadPoolExecutor(min(len(parts), free_cores())) as pool:
        found = np.concatenate(list(pool.map(embed, range(len(parts)))))
    embeddings = np.empty_like(found)
    embeddings[np.concatenate(parts)] = found
    return embeddings


def word_embeddings(texts: Sequence[str]) -> np.ndarray:
    """TF-IDF of words in two texts or more, reduced by a truncated SVD (LSA, Deerwester 1990).

    Shape (n, at most DIMENSIONS). Words as in `analysis.causes.vocabulary`. UserError when no word is in two texts.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        table = TfidfVectorizer(analyzer=vocabulary, min_df=2, sublinear_tf=True).fit_transform(texts)
    except ValueError:
        raise UserError("No two texts share a word, so they cannot be compared by their words.") from None
    dimensions = min(DIMENSIONS, table.shape[1] - 1, table.shape[0] - 1)
    if dimensions < 1:
        return np.asarray(table.toarray())
    return np.asarray(TruncatedSVD(dimensions, random_state=0).fit_transform(table))
