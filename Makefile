# Everything a newcomer needs: `make demo`, `make test`. Both set themselves up in ./.venv.
VENV := .venv
PYTHON := $(VENV)/bin/python
FOLDS := 0 1 2 3 4
# The verifier's stages between the first that heard the field and the last; each goes on from the one before.
STAGES := more again loud others louder
PINS := pyproject.toml constraints.txt tools/install.py tools/venv.sh tools/azurite.sh

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test lint accuracy far recorders forests refine weapons speed gate collection folds network shots golden constraints attribution clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

demo: $(VENV)/.base ## find the shots in a recording that it simulates itself
	$(VENV)/bin/ndoki demo

test: lint ## set up, check style, types and import direction, run all tests
	$(PYTHON) -m pytest

lint: $(VENV)/.test ## ruff, mypy --strict, import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy tools
	$(VENV)/bin/mypy benchmarks
	$(VENV)/bin/lint-imports

accuracy: $(VENV)/.base ## recall at 60, 10 and 2 false alarms per hour, network and template
	$(PYTHON) benchmarks/accuracy.py

forests: $(VENV)/.base ## recall by level and distance, false alarms, burst counts in simulated forests
	$(PYTHON) benchmarks/forests.py
	$(PYTHON) benchmarks/forests.py --usual

far: $(VENV)/.test ## recall of real shots pushed away, as if from 500 m to 2 km
	$(PYTHON) benchmarks/far.py

recorders: $(VENV)/.test ## recall as if another recorder had listened: noise, wind, few bits, filters, codecs
	$(PYTHON) benchmarks/recorders.py

weapons: $(VENV)/.base ## shots per burst, and automatic fire against shotguns, in simulated forests
	$(PYTHON) benchmarks/weapons.py

refine: $(VENV)/.base ## share of simulated onsets placed within 30 ms from labels up to 12 s early
	$(PYTHON) benchmarks/refine.py

speed: $(VENV)/.base ## seconds and memory for a day of sound
	$(PYTHON) benchmarks/speed.py
	$(PYTHON) benchmarks/speed.py --forest
	$(PYTHON) benchmarks/speed.py --rain

gate: $(VENV)/.base ## events that the network's gate loses, and how much sound it lets pass
	$(PYTHON) benchmarks/gate.py

collection: $(VENV)/.base ## 140 000 h on a laptop, 16 and 256 machines: time, bytes, bottleneck
	$(PYTHON) benchmarks/collection.py

folds: $(VENV)/.test ## train the networks of the cross-validation, and the one that never heard the field (hours)
	$(VENV)/bin/ndoki train recipes/gunshot-simulated.toml --out build/first/gunshot-simulated.onnx
	$(VENV)/bin/ndoki train recipes/gunshot-forests.toml --out build/wide/gunshot-forests.onnx
	$(VENV)/bin/ndoki verifier build/first/gunshot-simulated.onnx --recipe recipes/verifier-forests.toml --heard-by build/wide/gunshot-forests.onnx --out benchmarks/folds/gunshot-simulated.onnx
	for fold in $(FOLDS); do $(VENV)/bin/ndoki train recipes/gunshot-wide.toml --fold $$fold --out build/wide/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki train recipes/gunshot-field.toml --fold $$fold --out build/first/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki verifier build/first/gunshot-fold$$fold.onnx --recipe recipes/verifier-mix.toml --heard-by build/wide --fold $$fold --out build/mix/gunshot-fold$$fold.onnx; done
	before=mix; for stage in $(STAGES); do for fold in $(FOLDS); do $(VENV)/bin/ndoki verifier build/$$before/gunshot-fold$$fold.onnx --go-on --recipe recipes/verifier-$$stage.toml --heard-by build/first --fold $$fold --out build/$$stage/gunshot-fold$$fold.onnx; done; before=$$stage; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki train recipes/gunshot-halfway.toml --go-on build/louder/gunshot-fold$$fold.onnx --fold $$fold --out build/halfway/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki train recipes/gunshot-others.toml --go-on build/halfway/gunshot-fold$$fold.onnx --fold $$fold --out build/quiet/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki verifier build/quiet/gunshot-fold$$fold.onnx --go-on --recipe recipes/verifier-rerecorded.toml --heard-by build/quiet --fold $$fold --out build/rerecorded/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki train recipes/gunshot.toml --go-on build/rerecorded/gunshot-fold$$fold.onnx --fold $$fold --out build/patter/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki verifier build/patter/gunshot-fold$$fold.onnx --go-on --recipe recipes/verifier-patter.toml --heard-by build/patter --fold $$fold --out build/drops/gunshot-fold$$fold.onnx; done
	for fold in $(FOLDS); do $(VENV)/bin/ndoki verifier build/drops/gunshot-fold$$fold.onnx --go-on --heard-by build/patter --fold $$fold --out benchmarks/folds/gunshot-fold$$fold.onnx; done

network: $(VENV)/.test ## train the shipped network, calibrated on what the folds' networks have not heard
	$(VENV)/bin/ndoki train recipes/gunshot-field.toml --out build/first/gunshot.onnx
	$(VENV)/bin/ndoki verifier build/first/gunshot.onnx --recipe recipes/verifier-mix.toml --heard-by build/wide --out build/mix/gunshot.onnx
	before=mix; for stage in $(STAGES); do $(VENV)/bin/ndoki verifier build/$$before/gunshot.onnx --go-on --recipe recipes/verifier-$$stage.toml --heard-by build/first --out build/$$stage/gunshot.onnx; before=$$stage; done
	$(VENV)/bin/ndoki train recipes/gunshot-halfway.toml --go-on build/louder/gunshot.onnx --out build/halfway/gunshot.onnx
	$(VENV)/bin/ndoki train recipes/gunshot-others.toml --go-on build/halfway/gunshot.onnx --out build/quiet/gunshot.onnx
	$(VENV)/bin/ndoki verifier build/quiet/gunshot.onnx --go-on --recipe recipes/verifier-rerecorded.toml --heard-by build/quiet --out build/rerecorded/gunshot.onnx
	$(VENV)/bin/ndoki train recipes/gunshot.toml --go-on build/rerecorded/gunshot.onnx --out build/patter/gunshot.onnx
	$(VENV)/bin/ndoki verifier build/patter/gunshot.onnx --go-on --recipe recipes/verifier-patter.toml --heard-by build/patter --out build/drops/gunshot.onnx
	$(VENV)/bin/ndoki verifier build/drops/gunshot.onnx --go-on --heard-by build/patter --folds-from benchmarks/folds --out src/ndoki/models/gunshot.onnx
	$(VENV)/bin/ndoki gate src/ndoki/models/gunshot.onnx

shots: $(VENV)/.test ## train the model that counts the shots of a burst (half an hour on two cores)
	$(PYTHON) tools/shot_model.py

golden: $(VENV)/.test ## renew tests/golden; review the difference before you commit it
	$(PYTHON) -m pytest --renew-golden -q tests

constraints: $(VENV)/.test ## renew constraints.txt from pyproject.toml
	$(PYTHON) tools/constraints.py

attribution: $(VENV)/.base ## renew docs/models/ATTRIBUTION.md from ../shared/data/clips.csv
	$(PYTHON) tools/attribution.py

clean: ## remove the environment, caches and build output
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.base: $(PINS)
	@tools/venv.sh $(VENV)
	@$(PYTHON) tools/install.py base
	@touch $@

$(VENV)/.test: $(PINS)
	@tools/venv.sh $(VENV)
	@$(PYTHON) tools/install.py base azure cluster gcs s3 train test
	@tools/azurite.sh $(VENV)/azurite
	@touch $(VENV)/.base $@
