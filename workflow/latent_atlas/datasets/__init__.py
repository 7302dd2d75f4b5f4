"""From official files to `{split}.safetensors`: fetch, check, decode, subset."""
