"""GAIRAT; the published checkpoint holds another copy of the first block, unused."""

from radrobust.systems.system import Architecture, System

SYSTEM = System(
    architectures={
        "paper": Architecture("wide_resnet", {"depth": 28, "widen_factor": 10, "sub_block1": True}),
        "compact": Architecture("wide_resnet", {"depth": 10, "widen_factor": 1}),
    },
    objective="gairat",
    robustbench_id="Zhang2020Geometry",
    drive_id="1UoG1JhbAps1MdMc6PEFiZ2yVXl_Ii5Jk",
    finetuned="MohammadFazli/xAI-fracture-xray-model/best_geometry_aware.pth",
)
