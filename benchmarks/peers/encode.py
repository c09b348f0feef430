"""Embed sentences with sentence-transformers' `encode` or with Close Call."""

from collections.abc import Callable

import numpy as np
import torch

from benchmarks.peers.children import Job, serve
from benchmarks.peers.texts import sentences
from closecall.data.io.assets import encoder_folder

WARM_UP = 200
MAX_TOKENS = 128


def prepare(job: Job) -> Callable[[], Job]:
    """Job: library ("sentence-transformers" or "closecall"), threads, count, out (an .npy file).

    The time includes tokenisation.
    """
    torch.set_num_threads(job["threads"])
    texts = sentences()[0][: job["count"]]
    embed = _theirs() if job["library"] == "sentence-transformers" else _ours()
    embed(texts[:WARM_UP])

    def work() -> Job:
        np.save(job["out"], embed(texts))
        return {}

    return work


def _theirs() -> Callable[[list[str]], np.ndarray]:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    encoder = Transformer(str(encoder_folder()), max_seq_length=MAX_TOKENS)
    model = SentenceTransformer(modules=[encoder, Pooling(384, "mean")], device="cpu")
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def _ours() -> Callable[[list[str]], np.ndarray]:
    from closecall.models.encoders.inference import run_inference
    from closecall.models.encoders.loading import load_encoder, load_tokenizer
    from closecall.models.encoders.tokenization import tokenise

    tokenizer, model = load_tokenizer("minilm"), load_encoder("minilm")

    def embed(texts: list[str]) -> np.ndarray:
        tokens = tokenise(texts, tokenizer, MAX_TOKENS)
        embeddings = run_inference(model, tokens, np.arange(len(texts)), score=False).embeddings
        assert embeddings is not None
        return embeddings

    return embed


if __name__ == "__main__":
    serve(prepare)
