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
# title: Experiments compared
# description: "Experiments side by side: their parameters, and the differences of their figures."
# ---

# %%
from radrobust.report.pages import compare

compared = compare.Compared()
compare.cautions(compared)

# %%
compare.revisions(compared)

# %% [markdown]
# ## Parameters that differ

# %%
compare.params(compared)

# %% [markdown]
# ## Figures that differ

# %%
compare.summary(compared)

# %% [markdown]
# ::: {.callout-note}
# ## A difference is not yet a finding
# No difference between experiments is tested here. Each interval says how far a figure might be off
# with other radiographs, with the trained networks as they are: networks that are trained again,
# from another seed, may differ by more than that. Where the radiographs are the same, both
# intervals move together, and a difference may be real though they overlap. Among so many figures
# some differ by chance.
# :::

# %%
compare.small_multiples(compared)

# %%
compare.metrics(compared)

# %% [markdown]
# ## Maps

# %%
compare.maps(compared)
