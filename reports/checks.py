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
# title: Could these numbers be wrong?
# description: Checks of the attack and of the measurement, what failed, and what cannot be told.
# ---

# %%
from radrobust.report.kit import verdicts as checks
from radrobust.report.kit.study import Study

study = Study.load()
checks.verdict(study)

# %% [markdown]
# A network that stands under attack may be robust, or the attack may be weak. And any number may be
# wrong if it was not measured on what it is said to be measured on. Each check below was made of
# every system that it applies to, by the same program that made the numbers, at every run.
#
# ## Is the attack strong enough?

# %%
checks.matrix(study, "attack")

# %% [markdown]
# ## Is it measured right?

# %%
checks.matrix(study, "measurement")

# %% [markdown]
# ## Are the maps what they are called?
#
# This says nothing of the numbers above, but of the maps on the page
# [Interpretability](interpretability.ipynb).

# %%
checks.matrix(study, "maps")

# %% [markdown]
# ## Check by check
#
# Against what it guards, how it is done, and what a failure means; a click unfolds it.

# %%
checks.entries(study)

# %% [markdown]
# ## What none of this can tell

# %%
checks.cannot_tell(study)
