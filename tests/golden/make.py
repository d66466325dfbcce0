"""Write the golden values of both readings: `python tests/golden/make.py` from the root, after a deliberate change."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from model_samples import SAMPLES, answer, official_config, paper_config, patterned_model

if __name__ == "__main__":
    for reading, config in (("paper", paper_config), ("official-v1", official_config)):
        model = patterned_model(config())
        values = {}
        for name, make in SAMPLES.items():
            found = answer(model, make())
            values[name] = {
                "energy": float(found.energy),
                "forces": found.forces.tolist(),
                "stress": found.stress[0].tolist(),
            }
        Path(__file__).with_name(f"{reading}.json").write_text(json.dumps(values, indent=1) + "\n")
