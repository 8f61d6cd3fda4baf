"""A network without a defence, from plain training."""

from radrobust.systems.system import Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture("wide_resnet", {"depth": 28, "widen_factor": 10}),
        "compact": Architecture("wide_resnet", {"depth": 10, "widen_factor": 1}),
    },
    objective="standard",
    robustbench_id="Standard",
    drive_id="1t98aEuzeTL8P7Kpd5DIrCoCL21BNZUhC",
    finetuned="HosseinRanjbar/XAI-Bone-Fracture-Xray-Robust-Principle-Model/standard.pth",
    undefended=True,
)
