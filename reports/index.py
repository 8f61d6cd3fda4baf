# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python
#     language: python
#     name: python3
# ---

# %% [raw]
# ---
# title: May this classifier be trusted?
# ---

# %%
from radrobust.report.kit import limits, verdicts
from radrobust.report.kit.study import Study
from radrobust.report.pages import index

study = Study.load()
index.question(study)

# %% [markdown]
# ## The answer

# %%
index.answer(study)

# %%
index.warning(study)

# %%
verdicts.line(study)

# %%
index.table(study)

# %% [markdown]
# AUROC is how often a radiograph with the finding scores higher than one without; one half is
# guessing. Sensitivity is the share of radiographs with the finding that are called so, specificity
# the share of radiographs without it that are called so; balanced accuracy is their mean. The last
# two rows look at no radiograph at all: the others have to be compared with them. Where the
# interval of a system's AUROC reaches down to one half, its attacked numbers say little.
#
# ::: {.callout-warning}
# ## A research tool, not a diagnostic
# No number on this site says how a system would do on patients.
# :::
#
# ## The whole study in a picture

# %%
index.clean_against_attacked(study)

# %% [markdown]
# ## Limits

# %%
limits.limits(study)

# %% [markdown]
# - **No attack proves robustness.** A stronger attack can only make the attacked numbers worse.
# - **Intervals cover other radiographs, not other trainings.** They say how far chance could move a
#   number if other radiographs had been drawn, with the networks as they are.
#
# ## Where to read on
#
# - [Data](data.ipynb): the radiographs, their faults, and shortcuts to the label.
# - [Systems](systems.ipynb): the papers behind the networks, and how they were trained.
# - [Robustness](robustness.ipynb): the attack, and every metric under it.
# - [Checks](checks.ipynb): whether these numbers could be wrong.
# - [Interpretability](interpretability.ipynb): whether the maps hit the finding, add up and last.
# - [Cases](cases.ipynb): every test radiograph with its answers and maps.
# - [Published figures](published.ipynb): the study that is rebuilt here, beside this one.
# - [Methods](methods.ipynb): every parameter and version, and how to run it again.
