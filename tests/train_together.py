"""The script of each process in models/training/test_distributed.py: train in fp32 and save the result.

python -m tests.train_together TINY_BERT OUT
"""

import sys
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from safetensors.torch import save_model

from closecall.models.training.distributed import leave_group
from tests.models.training.test_loop import make_spec, taught

N = 41
"""Five batches of eight and one of a single text, in which a second process has no share."""


def main(tiny: Path, out: Path) -> None:
    accelerator = Accelerator(mixed_precision="no")
    model, trained = taught(tiny, out, make_spec(tiny, n=N), accelerator)
    if accelerator.is_main_process:
        save_model(model, str(out / "model.safetensors"))
        np.save(out / "pos_probs.npy", trained.pos_probs)
    leave_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
