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
# title: How it was done
# description: Networks, attack, metrics, parameters and versions, and how to run it again.
# ---

# %%
from radrobust.report.kit import threat
from radrobust.report.kit.study import Study
from radrobust.report.kit.systems import trained
from radrobust.report.pages import methods

study = Study.load()

# %% [markdown]
# ## The systems
#
# Their papers and published figures are on the page [Systems](systems.ipynb).

# %%
trained(study)

# %% [markdown]
# ## Threat model

# %%
threat.threat_model(study)

# %% [markdown]
# ## Metrics
#
# Sensitivity
# : Share of radiographs with the finding that are called so. Wilson interval.
#
# Specificity
# : Share of radiographs without the finding that are called so. Wilson interval.
#
# Balanced accuracy
# : Mean of the two. Newcombe's interval from their Wilson intervals.
#
# Accuracy, precision
# : Share of radiographs that are classified correctly; share of those called positive that are.
#   Wilson intervals.
#
# AUROC
# : How often a radiograph with the finding outscores one without, ties counting half; the score is
#   the difference of the logits. Percentile bootstrap, stratified by class; where the two classes
#   are wholly apart no resample differs, and Wilson's interval for the smaller class takes its
#   place.
#
# AUPRC
# : Average precision: precision at each radiograph with the finding, in falling order of the score,
#   mean over them. Bootstrap as for AUROC.
#
# F1
# : Harmonic mean of precision and recall. Bootstrap as for AUROC.
#
# Brier score
# : Mean squared difference of the probability of the finding from 1 where it is there and from 0
#   where it is not. Bootstrap as for AUROC.
#
# Calibration error
# : Expected calibration error of that probability: in ten bins of equal width, by how much its mean
#   is off the share of radiographs with the finding, weighted by the radiographs in the bin. Chance
#   alone keeps it above 0. Bootstrap as for AUROC, which leans upwards here.
#
# Comparison of two systems
# : Difference of a metric on the same radiographs, with a bootstrap that draws the same ones for
#   both. McNemar's exact test, two-sided, of the radiographs that only one of them classifies
#   correctly; Holm's correction over all pairs.
#
# Coverage
# : Share of the marked pixels among the strongest p per cent of the radiograph's pixels; ties are
#   shared out. Mean over radiographs, percentile bootstrap over them, as for all that follows but
#   shares.
#
# Pointing game, mass, AUPRC of a map
# : Share of radiographs whose strongest pixel is marked, without tolerance, with Wilson's interval;
#   share of the map's whole strength on the marked pixels; average precision of the strength for
#   the marked pixels. Chance is the mean share of the radiograph that is marked.
#
# Deletion, insertion
# : Mean probability of the answer while the radiograph's pixels are replaced by the baseline's, or
#   put back, first those that speak most for it. The gain is over a map of noise of the same
#   radiograph.
#
# Infidelity, max-sensitivity
# : Mean squared error of the map, on its best scale, in predicting the fall of the logit when
#   squares of the radiograph are taken away, as a share of that of an empty map; largest relative
#   change of the map under small changes.
#
# Clean against attacked map
# : Spearman's rank correlation, structural similarity, and the shared part of the strongest tenth
#   of pixels, by strength, within the radiograph. Radiographs that the attack changed.
#
# All intervals hold the trained networks fixed. Attacked numbers count every test radiograph, also
# those that were misclassified before the attack.
#
# The flaws of the study that is rebuilt here, their effects, and the way it is done here are on the
# page [Published figures](published.ipynb).
#
# ## Run it again
#
# ```bash
# pip install -e .
# dvc repro
# ```
#
# `dvc repro` runs what has changed and nothing else; `dvc exp run -S attack.eps=8/255` does so with
# one parameter changed, and `radrobust compare NAME NAME` lays experiments beside each other. The
# pages are the scripts in `reports/`, executed into notebooks; the line at the foot of each page
# names the program that rendered them.
#
# ## Time and hardware

# %%
methods.hardware(study)

# %%
methods.costs(study)

# %% [markdown]
# A stage whose results DVC finds in its cache does not run, and keeps the time of when it did.
# Times depend on the machine, and on its other work.
#
# ### Number format
#
# Some machines compute faster in bfloat16, a number format with fewer digits than float32; others
# are slower in it. Where `precision` is `auto` and the hardware has it, one step of the work is
# timed several times in each, for each network, before the work begins. bfloat16 is used only where
# it is faster by a tenth or more. Verdicts and validation are in float32 in any case.

# %%
methods.precisions(study)

# %% [markdown]
# ## Tables to download

# %%
methods.tables(study)

# %% [markdown]
# ## How to cite

# %%
methods.citation(study)

# %% [markdown]
# ## Parameters

# %%
methods.parameters(study)

# %% [markdown]
# ## Versions

# %%
methods.commit(study)

# %%
methods.versions()
