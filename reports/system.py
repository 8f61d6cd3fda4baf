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
# title: "Standard (Croce 2020)"
# description: What it is, how its training went, and its own numbers, checks and maps.
# ---

# %%
from radrobust.report.kit import adversarial as attacked
from radrobust.report.kit import curves as figures
from radrobust.report.kit import gallery as map_gallery
from radrobust.report.kit import networks, tables, threat
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.study import Study
from radrobust.report.pages import system as portrait
from radrobust.report.pages import systems
from radrobust.report.pages.interpretability import explanations

# The page of each other system is made of this one: that line and the title are replaced.
key = "standard"
study = Study.load()
own = study.only(key)
portrait.neighbours(study, key)

# %%
threat.space_warning(own)

# %%
portrait.in_short(study, key)

# %%
checks.line(own)

# %% [markdown]
# This page has what concerns this system alone. Whether it is better than another is on the page
# [Robustness](robustness.ipynb).
#
# ## What it is

# %%
portrait.paper(key)

# %%
systems.caveat()

# %% [markdown]
# ## How it was trained here

# %%
networks.in_words(own)

# %%
systems.trained(own)

# %%
portrait.training(study, key)

# %% [markdown]
# ## What not to conclude

# %%
sentences.warnings(own)

# %% [markdown]
# ## Its numbers, clean and attacked

# %%
portrait.numbers(study, key)

# %% [markdown]
# AUROC, AUPRC, Brier score and calibration error may be too kind under attack: the attack stops at
# the first image that is misclassified, and pushes no score further.
#
# ### Against the budget

# %%
portrait.against_budget(study, key)

# %% [markdown]
# ### Who is confused with whom
#
# Rows are the truth, columns what the system said. In small print the share of the row; blue is
# right, orange is wrong.

# %%
tables.confusion_matrices(own)

# %% [markdown]
# ### At a threshold chosen beforehand

# %%
portrait.threshold(study, key)

# %%
tables.at_threshold(own)

# %% [markdown]
# ### When films fall
#
# Where films still fall at the last steps, the attack may have been stopped too early, and the
# attacked numbers may be too kind; the check with more steps, below, tells.

# %%
figures.falls(own)

# %% [markdown]
# ## Its checks

# %%
checks.verdict(own)

# %%
portrait.verdicts(study, key)

# %% [markdown]
# How each check is done, what a failure means, and what none of them can tell is on the page
# [Checks](checks.ipynb).
#
# ## Its maps
#
# A map orders the film's pixels by the strength of their influence on the answer. What maps do not
# say, and whether these are faithful to the network, is on the page
# [Interpretability](interpretability.ipynb).

# %%
portrait.coverage(study, key)

# %%
portrait.localised(study, key)

# %% [markdown]
# ### Before and after the attack
#
# How alike the maps of a film are before and after the attack, where it broke the answer and where
# the answer stood.

# %%
explanations.survival(own)

# %% [markdown]
# ## Films before and after
#
# The gallery's films, the same for every system, drawn by a hash: not chosen because they fall or
# stand. Above each film stands what the system said of it, and at which probability of the finding.
# A click on a picture opens the film in the [case browser](cases.ipynb).

# %%
attacked.attacked_films(own)

# %% [markdown]
# ## Films and their maps

# %%
map_gallery.rule(own)

# %%
map_gallery.how_to_read(own)

# %%
map_gallery.cards(own)

# %%
portrait.neighbours(study, key)
