"""MeanSparse, switched on after training by TRADES."""

from radrobust.systems.system import CIFAR10, Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture("meansparse_wide_resnet", {"depth": 94, "width": 16}),
        "compact": Architecture("meansparse_wide_resnet", {"depth": 10, "width": 1}),
    },
    objective="trades",
    normalisation=CIFAR10,
    robustbench_id="Amini2024MeanSparse_S-WRN-94-16",
    drive_id="1-GoAnBP6K6uwAzJbe4liOSfN_sZVYTln",
    hides_gradient=True,
)
