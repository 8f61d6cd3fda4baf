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
# description: What the study that is rebuilt here published, beside what is measured here.
# ---

# %%
from radrobust.report.kit.study import Study
from radrobust.report.pages import published

study = Study.load()
published.no_replication(study)

# %%
published.in_words(study)

# %% [markdown]
# ## Accuracy, clean and attacked

# %%
published.accuracies(study)

# %% [markdown]
# ## What the budget means
#
# The published study normalised its films and attacked them afterwards. 4/255 is then a share of a
# standard deviation, not of the range of a pixel. Both ways were tried here, on the same networks
# and films.

# %%
published.spaces(study)

# %% [markdown]
# ## What they did, and what is done here

# %%
published.flaws(study)

# %% [markdown]
# ## Where the networks look
#
# Published and measured by different rules, as the sixth row above says; read each against its
# chance alone.

# %%
published.coverage(study)
