"""The stages of `dvc.yaml`, one function each; a stage's module is imported only to run it."""
