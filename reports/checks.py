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
# description: Checks of the attack and of the measurement, their failures, and their limits.
# ---

# %%
from radrobust.report.kit import verdicts
from radrobust.report.kit.study import Study
from radrobust.report.pages import checks

study = Study.load()
verdicts.verdict(study)

# %% [markdown]
# A network that seems robust may be so, or the attack may be weak. And any number may be wrong if
# it was measured on the wrong images. Each check below was made of every system that it applies to,
# by the same program that made the numbers, at every run.
#
# ## Is the attack strong enough?

# %%
checks.matrix(study, "attack")

# %% [markdown]
# ## Is it measured right?

# %%
checks.matrix(study, "measurement")

# %% [markdown]
# ## Do the maps add up?
#
# This check is not about the numbers above, but about the maps on the page
# [Interpretability](interpretability.ipynb).

# %%
checks.matrix(study, "maps")

# %% [markdown]
# ## Check by check
#
# The danger that each guards against, its rule, and the meaning of a failure; a click unfolds it.

# %%
checks.entries(study)

# %% [markdown]
# ## Limits of the checks

# %%
checks.few(study)

# %% [markdown]
# - **Other attacks may be stronger.** Each check tries one way in which the attack could have
#   missed something. That all of them pass would be no proof.
# - **The limits are this project's choice.** The figure is compared with them; its interval may
#   well reach beyond.
# - **Other attacks change pixels.** Where the study's budget is counted after normalisation, they
#   are compared with the same attack in pixels, not with that of the attacked numbers.
# - **Radiographs change in other ways.** Another exposure, another angle, another machine, a letter
#   on the radiograph: the checks too try no change but one within a budget.
# - **Another training may differ.** The networks were taken as they are. Trained again from another
#   seed they would come out otherwise; by how much was not measured.
# - **Labels may be wrong.** No check asks whether they are right, nor what any of this would mean
#   for a patient.
