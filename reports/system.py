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
# title: One system
# description: "Its paper, training, numbers, checks and maps."
# ---

# %% tags=["parameters"]
key = "standard"

# %%
from radrobust.report.kit import (
    adversarial,
    curves,
    gallery,
    limits,
    maps,
    tables,
    threat,
    verdicts,
)
from radrobust.report.kit.study import Study
from radrobust.report.kit.systems import trained
from radrobust.report.pages import system

study = Study.load()
own = study.only(key)
system.neighbours(study, key)

# %%
threat.space_warning(own)

# %%
system.at_a_glance(study, key)

# %%
verdicts.line(own)

# %% [markdown]
# This page is about this system alone. Whether it is better than another is on the page
# [Robustness](robustness.ipynb).
#
# ## Paper and network
#
# The published figures below cannot be compared with the numbers on this site:
# [Published figures](published.ipynb) says why.

# %%
system.paper(key)

# %% [markdown]
# ## Training

# %%
trained(own)

# %%
system.training(study, key)

# %% [markdown]
# ## Limits

# %%
limits.limits(own)

# %% [markdown]
# - **No attack proves robustness.** A stronger attack can only make the attacked numbers worse.
# - **Intervals cover other radiographs, not other trainings.** They say how far chance could move a
#   number if other radiographs had been drawn, with the networks as they are.
#
# ## Numbers, clean and attacked

# %%
system.numbers(study, key)

# %% [markdown]
# AUROC, AUPRC, Brier score and calibration error may be too kind under attack: the attack stops at
# the first image that is misclassified, and pushes no score further.
#
# ### Against the budget

# %%
curves.of_metrics(study, key, system.AGAINST_BUDGET)

# %% [markdown]
# ### Confusion matrices
#
# Rows are the truth, columns the answers. In small print the share of the row; blue is correct,
# orange is misclassified.

# %%
tables.confusion_matrices(own)

# %% [markdown]
# ### At a threshold chosen beforehand
#
# A radiograph is called positive where the logit of the finding leads by more than the threshold,
# instead of by more than 0. It was chosen on the validation radiographs.

# %%
system.threshold(study, key)

# %%
tables.at_threshold(own)

# %% [markdown]
# ### Steps to misclassification
#
# Where radiographs are still first misclassified at the last steps, the attack may have been
# stopped too early, and the attacked numbers may be too kind; the check with more steps, below,
# tells.

# %%
curves.first_misclassified(own)

# %% [markdown]
# ## Checks

# %%
verdicts.verdict(own)

# %%
system.outcomes(study, key)

# %% [markdown]
# The rule of each check, the meaning of a failure, and the limits of all of them are on the page
# [Checks](checks.ipynb).
#
# ## Maps
#
# A map orders the radiograph's pixels by the strength of their influence on the answer. The limits
# of maps, and whether these are faithful to the network, are on the page
# [Interpretability](interpretability.ipynb).

# %%
system.coverage(study, key)

# %%
system.localised(study, key)

# %% [markdown]
# ### Before and after the attack
#
# How alike the clean and the attacked map of a radiograph are, where it is misclassified under
# attack and where it is robust.

# %%
maps.survival(own)

# %% [markdown]
# ## Adversarial examples
#
# Radiographs of the gallery, the same for every system, drawn by a hash: not chosen for their
# outcome. Above each image are the answer of the system and the probability of the finding. A click
# on an image opens the case in the [case browser](cases.ipynb).

# %%
adversarial.examples(own)

# %% [markdown]
# ## Radiographs and their maps
#
# The first radiograph, in the order of the hash, that is a true positive, a false negative, a false
# positive, and misclassified under attack. The clean radiograph is above the attacked one: every
# map, and below it the same laid over the radiograph, the finding outlined where it is marked. The
# small print says how much of the marked finding is covered by the strongest 5 % of pixels. Red
# speaks for the answer, blue against it; methods without a sign run from black to yellow. One scale
# of colours holds for all maps of a method, so radiographs can be compared, and clean with
# attacked; methods cannot. Large maps are averaged over small squares of pixels.

# %%
gallery.cards(own)

# %%
system.neighbours(study, key)
