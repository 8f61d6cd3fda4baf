"""HAT, whose objective needs a helper."""

from radrobust.systems.system import CIFAR10, Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture("dm_wide_resnet", {"depth": 34, "width": 10}),
        "compact": Architecture("dm_wide_resnet", {"depth": 10, "width": 1}),
    },
    objective="hat",
    normalisation=CIFAR10,
    robustbench_id="Rade2021Helper_extra",
    drive_id="1GhAp-0C3ONRy9BxIe0J9vKc082vHvR7t",
    finetuned="MohammadFazli/xAI-fracture-xray-model/best_helper_wrn_34_10.pth",
)
