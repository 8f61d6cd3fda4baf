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
# title: The systems
# description: Whose networks these are, what was published of them, and what was made of them here.
# ---

# %%
from radrobust.report.kit import networks
from radrobust.report.kit.study import Study
from radrobust.report.pages import systems

study = Study.load()

# %% [markdown]
# Each system stands for a paper: a network, and a way to train it so that attacks do it less harm,
# both from the list that [RobustBench](https://robustbench.github.io) keeps. Standard is the
# one whose paper has no defence; the others have to be held against it. Each has a page of
# its own, with its training, numbers, checks and maps:

# %%
systems.pages(study)

# %% [markdown]
# ## In this study

# %%
networks.in_words(study)

# %%
systems.trained(study)

# %% [markdown]
# ## As published

# %%
systems.caveat()

# %%
systems.published(study)

# %% [markdown]
# ## One by one
#
# Paper, architecture at both sizes, training, published figures and weights; a click unfolds them.

# %%
systems.entries(study)
