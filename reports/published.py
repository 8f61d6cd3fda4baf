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
# title: Published figures
# description: The study that is rebuilt here, beside this one.
# ---

# %% [markdown]
# **The columns on this page are not a replication of each other.** The two studies differ where the
# table below shows it, and in how they measure, as said further down. A difference between a
# published figure and ours does not show that either is right.

# %%
from radrobust.report.kit.study import Study
from radrobust.report.pages import published

study = Study.load()
published.designs(study)

# %% [markdown]
# ## Accuracy, clean and attacked
#
# Always answering “no fracture” is in the last row but one: a published accuracy whose interval is
# not above it shows no skill.

# %%
published.accuracies(study)

# %% [markdown]
# ## The meaning of the budget
#
# The published study normalised its radiographs and attacked them afterwards. 4/255 is then a share
# of a standard deviation, not of the range of a pixel. Both ways were tried here, on the same
# networks and radiographs.

# %%
published.spaces(study)

# %% [markdown]
# ## Flaws there, and the way it is done here

# %%
published.flaws()

# %% [markdown]
# ## Where the networks look
#
# Published and measured by different rules, as the sixth row above says; read each against its
# chance alone.

# %%
published.coverage(study)
