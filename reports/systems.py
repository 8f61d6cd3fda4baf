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
# description: The papers behind the networks, their published figures, and their training here.
# ---

# %%
from radrobust.report.kit.study import Study
from radrobust.report.kit.systems import trained
from radrobust.report.pages import systems

study = Study.load()

# %% [markdown]
# Each system represents a paper: a network, and a way to train it so that attacks do it less harm,
# both from the list that [RobustBench](https://robustbench.github.io) keeps. Standard is the
# one whose paper has no defence; the others have to be compared with it. Each has a page of
# its own, with its training, numbers, checks and maps:

# %%
systems.pages(study)

# %% [markdown]
# ## In this study
#
# A compact network has layers of the kinds in its paper, but fewer and narrower; at paper scale it
# has the paper's architecture. Where only a head, or the last stage and a head, is trained here,
# all before it stays as it was, bit for bit. The network is kept as it was in its best epoch on the
# validation radiographs, on which a short attack is tried where the objective uses adversarial
# examples. Where each network is trained by its paper's objective, HAT first trains its helper, a
# network of the same kind, plainly; and the rule by which Data Filtering leaves radiographs out is
# this project's own, as only its paper's abstract could be read. MeanSparse is no training: where
# more than a head is trained, it is switched on afterwards, with statistics of the training
# radiographs.

# %%
trained(study)

# %% [markdown]
# ## As published
#
# **None of these figures can be compared with the numbers on this site.** Those on CIFAR-10 are
# about photographs of ten kinds of things. Those on FracAtlas are accuracies on a resampled test
# set, from the study that is rebuilt here (R2I-Medical-Imaging); in the last row is the accuracy of
# calling every one of its radiographs negative, clean or attacked.
# [Published figures](published.ipynb) has them beside the numbers of this site.

# %%
systems.published(study)

# %% [markdown]
# ## One by one
#
# Paper, architecture at both sizes, training, published figures and weights; a click unfolds them.

# %%
systems.entries(study)
