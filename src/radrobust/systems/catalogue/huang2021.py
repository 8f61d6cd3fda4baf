"""TRADES on a network whose last stage is narrowed."""

from radrobust.systems.system import Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture(
            "robust_wide_resnet", {"widths": (16, 320, 640, 512), "depths": (5, 5, 5)}
        ),
        "compact": Architecture(
            "robust_wide_resnet", {"widths": (16, 16, 32, 24), "depths": (1, 1, 1)}
        ),
    },
    objective="trades",
    robustbench_id="Huang2021Exploring_ema",
    drive_id="1-GRwO5t9HxOS2y6RFK8QEsDXjdcgmVu6",
    finetuned="MohammadFazli/xAI-fracture-xray-model/best_wideresnet_34.pth",
)
