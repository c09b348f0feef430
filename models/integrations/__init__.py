"""Close Call inside other people's training scripts."""

from closecall.models.runtime.extras import require_training

require_training()
