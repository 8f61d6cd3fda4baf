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
# title: What moved
# description: Experiments side by side, what was changed in them, and which figures moved.
# ---

# %%
from radrobust.report.pages import compare

compared = compare.Compared()
compare.cautions(compared)

# %%
compare.revisions(compared)

# %% [markdown]
# ## What was changed

# %%
compare.params(compared)

# %% [markdown]
# ## What moved

# %%
compare.in_words(compared)

# %% [markdown]
# ::: {.callout-note}
# ## A move is not yet a finding
# No difference between experiments is tested here. Each interval says how far a figure might be off
# with other films, with the trained networks as they are: networks that are trained again, from
# another seed, may differ by more than that. Where the films are the same, both intervals move
# together, and a move may be real though they overlap. Among so many figures some move far by
# chance.
# :::

# %%
compare.small_multiples(compared)

# %%
compare.metrics(compared)

# %% [markdown]
# ## Where the maps look

# %%
compare.maps(compared)
