"""TRADES on films into which parts of others are pasted."""

from radrobust.systems.system import CIFAR10, Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture("dm_wide_resnet", {"depth": 70, "width": 16}),
        "compact": Architecture("dm_wide_resnet", {"depth": 10, "width": 1}),
    },
    objective="rebuffi",
    normalisation=CIFAR10,
    robustbench_id="Rebuffi2021Fixing_70_16_cutmix_extra",
    drive_id="1qKDTp6IJ1BUXZaRtbYuo_t0tuDl_4mLg",
    finetuned="HosseinRanjbar/XAI-Bone-Fracture-Xray-Robust-Principle-Model/best_Rebuffi2021Fixing_106_16_cutmix_ddpm.pth",
)
