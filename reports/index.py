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
# title: May this radiograph classifier be trusted?
# description: How often it is right, what is left of that under attack, and where it looks.
# ---

# %%
from radrobust.reporting import checks, figures, sentences, tables
from radrobust.reporting.study import Study

study = Study.load()

# %% [markdown]
# Networks that read radiographs are judged by how often they are right. Two more questions matter
# before anybody relies on one: does the answer survive a change to the film that nobody can see,
# and does the network look at the fracture at all? This site puts all three questions to the same
# systems, on the same films.
#
# ## The answer

# %%
sentences.answer(study)

# %%
checks.line(study)

# %% [markdown]
# ::: {.callout-warning}
# ## A research tool, not a diagnostic
# No number on this site says how a system would do on patients.
# :::
#
# ## What not to conclude

# %%
sentences.warnings(study)

# %% [markdown]
# ## Clean and attacked

# %%
tables.headline(study)

# %% [markdown]
# Sensitivity is the share of films with the finding that are called so, specificity the share of
# films without it that are called so; balanced accuracy is their mean. AUROC is how often a film
# with the finding scores higher than one without. The last two rows look at no film at all: they
# are what accuracy has to be read against, and why accuracy is the last column.

# %%
figures.clean_against_attacked(study)

# %% [markdown]
# - [Data](data.ipynb): which films, and what is wrong with some of them.
# - [Systems](systems.ipynb): whose networks these are, and how they were trained.
# - [Robustness](robustness.ipynb): what the attacker may do, and how the answers fall.
# - [Checks](checks.ipynb): whether these numbers could be wrong.
# - [Interpretability](interpretability.ipynb): whether the maps hit the fracture, add up and last.
# - [Published figures](published.ipynb): what the study that is rebuilt here had, beside this.
# - [Methods](methods.ipynb): every parameter and version, and how to run it again.
