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
from radrobust.reporting import figures, sentences, tables
from radrobust.reporting.study import Study

study = Study.load()
sentences.test_films(study)

# %% [markdown]
# ## What the attacker may do

# %%
sentences.threat_model(study)

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
# ## Attacked AUROC is an upper bound
# It is computed on the scores of the images that the attack returned. The attack stops at the first
# image that is misclassified and pushes that film no further, so the scores could be driven further
# apart: the true AUROC under attack is at most the one that is shown.
# :::
#
# An AUROC under one half means that under attack films with the finding score *lower* than those
# without: an attacker who knows the truth can turn the answers round, which chance cannot.
#
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
# ## When films fall
#
# Where most films fall at the first steps, more steps would change little. Where films still fall
# at the last step, the attack was stopped too early, and the attacked numbers are too kind.

# %%
figures.falls(study)
