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
# title: What is left under attack
# description: Metrics against the attack's budget, who is confused with whom, and when films fall.
# ---

# %%
from radrobust.report.kit import adversarial as attacked
from radrobust.report.kit import curves as figures
from radrobust.report.kit import tables, threat
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit import warnings as sentences
from radrobust.report.kit.study import Study
from radrobust.report.pages import robustness

study = Study.load()
threat.space_warning(study)

# %%
sentences.test_films(study)

# %%
checks.line(study)

# %% [markdown]
# ## What the attacker may do

# %%
threat.threat_model(study)

# %% [markdown]
# ## Every metric, clean and attacked

# %%
tables.headline(study)

# %% [markdown]
# AUPRC is the mean precision over all thresholds; a system that cannot tell films apart has the
# share of films with the finding. The Brier score and the calibration error ask whether the
# probability can be taken at its word: the first is its mean squared error, the second by how much
# it is off, on average, from how often the finding is there.

# %%
tables.further(study)

# %% [markdown]
# ## Against the budget
#
# A curve that stays flat is good news only well above the dashed line. A system that gives nearly
# all films the same answer is hard to attack, and useless.

# %%
figures.curve(study, "balanced_accuracy")

# %%
figures.curve(study, "accuracy")

# %%
figures.curve(study, "auroc")

# %% [markdown]
# ::: {.callout-note}
# ## What needs a score or a probability may be too kind under attack
# Attacked AUROC, AUPRC, Brier score and calibration error are computed on the images that the
# attack returned. It stops at the first image that is misclassified and pushes that film no
# further: an attack on the scores could make each of them worse than is shown.
# :::
#
# An AUROC whose interval lies under one half means that under attack films with the finding score
# *lower* than those without: an attacker who knows the truth can turn the answers round.
#
# ## Is one better than another?

# %%
robustness.comparisons_in_words(study)

# %%
robustness.comparisons(study)

# %% [markdown]
# ## Films before and after
#
# The first films of the gallery, the same for every system, drawn by a hash: not chosen because
# they fall or stand. Above each film stands what the system said of it, and at which probability of
# the finding. A click on a picture opens the film in the [case browser](cases.ipynb).

# %%
attacked.attacked_films(study)

# %% [markdown]
# ## Who is confused with whom
#
# Rows are the truth, columns what the system said. In small print the share of the row; blue is
# right, orange is wrong.

# %%
tables.confusion_matrices(study)

# %% [markdown]
# ## At a threshold chosen beforehand
#
# Nobody has to decide by the larger of two logits. A threshold was chosen on validation films,
# before any test film was looked at, and is kept with the network. It moves the balance between
# missed findings and false alarms; it does not make a network robust.

# %%
tables.at_threshold(study)

# %% [markdown]
# ## Class by class
#
# Recall of the class with the finding is sensitivity, recall of the other class is specificity.
# Precision depends on how common the finding is among these films, and would differ elsewhere.
# A dash: the system never gave that answer.

# %%
tables.class_reports(study)

# %% [markdown]
# ## Part by part
#
# The fewer films in a part, the less its numbers say: look at the intervals first.

# %%
robustness.subgroups(study)

# %% [markdown]
# ## What was done to the films

# %%
robustness.perturbations(study)

# %% [markdown]
# ## When films fall
#
# Where films fall at the first steps alone, more steps would hardly change anything. Where films
# still fall at the last ones, the attack may have been stopped too early, and the attacked numbers
# may be too kind; the [check](checks.ipynb) with more steps tells.

# %%
figures.falls(study)
