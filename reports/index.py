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
from radrobust.report.kit import curves as figures
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.study import Study
from radrobust.report.pages import index as overview

study = Study.load()
overview.question(study)

# %% [markdown]
# ## The answer

# %%
overview.answer(study)

# %%
overview.shortcuts(study)

# %%
checks.line(study)

# %%
overview.table(study)

# %% [markdown]
# AUROC is how often a film with the finding scores higher than one without; one half is guessing.
# Sensitivity is the share of films with the finding that are called so, specificity the share of
# films without it that are called so; balanced accuracy is their mean. The last two rows look at
# no film at all: they are what the others have to be read against.
#
# ::: {.callout-warning}
# ## A research tool, not a diagnostic
# No number on this site says how a system would do on patients.
# :::
#
# ## The whole study in a picture

# %%
figures.clean_against_attacked(study)

# %% [markdown]
# ## In more words

# %%
sentences.answer(study)

# %% [markdown]
# ## What not to conclude

# %%
sentences.warnings(study)

# %% [markdown]
# ## Where to read on
#
# - [Data](data.ipynb): which films, and what is wrong with some of them.
# - [Systems](systems.ipynb): whose networks these are, and how they were trained.
# - [Robustness](robustness.ipynb): what the attacker may do, and how the answers fall.
# - [Checks](checks.ipynb): whether these numbers could be wrong.
# - [Interpretability](interpretability.ipynb): whether the maps hit the finding, add up and last.
# - [Cases](cases.ipynb): every test film, what each system says of it, and where it looks.
# - [Published figures](published.ipynb): what the study that is rebuilt here had, beside this.
# - [Methods](methods.ipynb): every parameter and version, and how to run it again.
