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
# title: The radiographs
# description: Their number, source, split, faults, and shortcuts to the label.
# ---

# %%
from radrobust.report.kit.study import Study
from radrobust.report.pages.data import alike, charts, counts, faults

study = Study.load()
counts.composition(study)

# %% [markdown]
# ## Counts
#
# A hash of the study's seed and a radiograph's name decides its split, or whoever split the dataset
# before. Radiographs with the same image, or nearly the same, are always in the same part, and so
# are those of one patient where the patient is known. The share of radiographs with the finding
# need not be that of any clinic.

# %%
counts.counts(study)

# %% [markdown]
# ## Can the label be guessed without looking?
#
# Small models were given one thing about each radiograph, and asked for the label. A pair is one
# radiograph of each class; guessing tells half of all pairs apart. Where a model does much better,
# the classes may differ in where or how the radiographs were made. A network can learn that
# difference instead of the finding, and its good numbers might not hold in another hospital.

# %%
charts.probes(study)

# %%
faults.probes(study)

# %% [markdown]
# A thumbnail of 12×12 pixels shows no fine line, but it may show the part of the body, the side and
# the machine. A model that tells nothing apart does not prove that there is no shortcut: it has
# looked for one alone.

# %%
faults.formats(study)

# %%
charts.sizes(study)

# %% [markdown]
# ## Subgroups
#
# Where the classes differ in more than the finding, such as in the part of the body or in metal, a
# network may learn that.

# %%
charts.compositions(study)

# %%
counts.by_subgroup(study)

# %%
charts.finding_sizes(study)

# %% [markdown]
# ## Faults
#
# Where two radiographs with one image have different labels, no system can get both right.

# %%
faults.counted(study)

# %%
faults.listed(study)

# %% [markdown]
# ## Text in the image
#
# The header of a DICOM file may say that text is burnt into the image (BurnedInAnnotation). Such
# text may be the patient's name: look before you publish anything. Other files cannot say so, and
# no header is proof that there is none.

# %%
alike.burned_in(study)

# %% [markdown]
# ## The same image more than once
#
# A radiograph of the training part that comes again in the test part is no test. Two labels on one
# image cannot both be right.

# %%
alike.same(study)

# %% [markdown]
# ## Nearly the same image
#
# Copies that were saved anew, resized, brightened, cut at the edges, mirrored, or whose file ends
# early; now and then two exposures of one limb. They were found by a hash of their coarse structure
# and confirmed by the correlation of their thumbnails, one laid over the other: 1 is the same.
# They are in one part of the split for the same reason.

# %%
alike.near(study)

# %% [markdown]
# ## Examples
#
# Drawn by a hash of the study's seed and the radiograph's name, from all parts of the split: not
# chosen because they are easy, hard or pretty. They are shown as the networks see them, enlarged. A
# click on a test radiograph opens it in the [case browser](cases.ipynb).

# %%
alike.examples(study)

# %% [markdown]
# ## Source and licence

# %%
counts.citation(study)
