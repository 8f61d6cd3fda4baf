"""Adversarial training that leaves films out."""

from radrobust.systems.system import Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture("wide_resnet", {"depth": 34, "widen_factor": 20}),
        "compact": Architecture("wide_resnet", {"depth": 10, "widen_factor": 1}),
    },
    objective="data_filtering",
    robustbench_id="Chen2024Data_WRN_34_20",
    drive_id="1-IbKAGtp79tAEm59N0i8QMvMZ3nxSD2-",
    finetuned="MohammadFazli/xAI-fracture-xray-model/best_data_filtering_wrn_34_20.pth",
)
