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
# title: Robustness under attack
# description: "The attack, metrics against its budget, comparisons, and adversarial examples."
# ---

# %%
from radrobust.report.kit import adversarial, curves, tables, threat, verdicts
from radrobust.report.kit.study import Study
from radrobust.report.pages import robustness

study = Study.load()
threat.space_warning(study)

# %%
robustness.test_set(study)

# %%
verdicts.line(study)

# %% [markdown]
# ## The attack
#
# The attacker knows the network and its weights, and may change a finished radiograph within the
# budget. Nobody changes radiographs like this by accident: the attack looks for the worst case, not
# for noise. A radiograph is misclassified under attack as soon as the network is wrong about any
# image that the attack has met, the clean one included; and one that is misclassified at a smaller
# budget counts as misclassified at larger ones. All others are robust.

# %%
threat.threat_model(study)

# %% [markdown]
# ## Every metric, clean and attacked

# %%
robustness.main(study)

# %% [markdown]
# AUPRC is the mean precision over all thresholds; a system that cannot tell radiographs apart has
# the share of radiographs with the finding. The Brier score and the calibration error ask whether
# the probability can be taken at its word: the first is its mean squared error, the second its mean
# distance from how often the finding is there.

# %%
robustness.further(study)

# %% [markdown]
# ## Against the budget
#
# A curve that stays flat is good news only well above the dashed line. A system that gives nearly
# all radiographs the same answer is hard to attack, and useless.

# %%
curves.of_systems(study, "balanced_accuracy")

# %%
curves.of_systems(study, "accuracy")

# %%
curves.of_systems(study, "auroc")

# %% [markdown]
# ::: {.callout-note}
# ## Metrics of a score or a probability may be too kind under attack
# Attacked AUROC, AUPRC, Brier score and calibration error are computed on the images that the
# attack returned. It stops at the first image that is misclassified and pushes that radiograph no
# further: an attack on the scores could make each of them worse than is shown.
# :::
#
# An AUROC whose interval is under one half means that under attack radiographs with the finding
# score *lower* than those without: an attacker who knows the truth can turn the answers round.
#
# ## Is one better than another?
#
# Each system is compared with the one that has the highest balanced accuracy under attack, and with
# the one that has no defence. A difference in bold is beyond chance taken by itself; the corrected
# p takes all pairs into account. The most robust system was picked on the same radiographs, which
# flatters its lead.

# %%
robustness.comparisons(study)

# %% [markdown]
# ## Adversarial examples
#
# The first radiographs of the gallery, the same for every system, drawn by a hash: not chosen for
# their outcome. Above each image are the answer of the system and the probability of the finding. A
# click on an image opens the case in the [case browser](cases.ipynb).

# %%
adversarial.examples(study)

# %% [markdown]
# ## Confusion matrices
#
# Rows are the truth, columns the answers. In small print the share of the row; blue is correct,
# orange is misclassified.

# %%
tables.confusion_matrices(study)

# %% [markdown]
# ## At a threshold chosen beforehand
#
# Nobody has to decide by the larger of two logits. A threshold was chosen on validation
# radiographs, before any test radiograph was looked at, and is kept with the network. It moves the
# balance between missed findings and false alarms; it does not make a network robust.

# %%
tables.at_threshold(study)

# %% [markdown]
# ## Class by class
#
# Recall of the class with the finding is sensitivity, recall of the other class is specificity.
# Precision depends on how common the finding is among these radiographs, and would differ
# elsewhere. A dash: the system never gave that answer.

# %%
robustness.class_reports(study)

# %% [markdown]
# ## Subgroups
#
# The fewer radiographs in a subgroup, the less its numbers say: look at the intervals first.

# %%
robustness.subgroups(study)

# %% [markdown]
# ## Size of the changes

# %%
robustness.perturbations(study)

# %% [markdown]
# ## Steps to misclassification
#
# Where radiographs are first misclassified at the first steps alone, more steps would hardly change
# anything. Where it still happens at the last ones, the attack may have been stopped too early, and
# the attacked numbers may be too kind; the [check](checks.ipynb) with more steps tells.

# %%
curves.first_misclassified(study)
