#!/usr/bin/env bash
# cachier 4.2.0: two scripts that each have a function `total` give each other's results, for good; so do two lambdas and two closures.
#
# Expected: "persistent, stale-free" caching of a function: its own results, kept beyond the end of the process. joblib, which does the same,
#   keeps them by the file that the function is in.
# Seen: the file in ~/.cachier is named by the module and the function, and a script's module is `__main__` whatever its name: the second
#   script prints the first one's result and never runs its own function. Modules of the same name in two projects likewise. Two lambdas
#   of one module are one function, and two closures that one function made.
# Who meets it: whoever has scripts with a `main`, `load` or `fetch` each, or runs two versions of a project: without an error, with a
#   value of the right type.
# Instead: cachier(cache_dir=...) with a folder per script, and no lambdas or closures with the default backend.
source "$(dirname "$0")/lib.bash"

python_packages cachier==4.2.0 joblib==1.6.0
mkdir "$tmp"/{sales,costs,home}
for folder in sales costs; do
  cat > "$tmp/$folder/report.py" <<PYTHON
import cachier, joblib

def total(year):
    return "$folder of %d" % year

print(cachier.cachier()(total)(2025), "|", joblib.Memory("$tmp/joblib", verbose=0).cache(total)(2025))
PYTHON
done
for folder in sales costs; do
  (cd "$tmp/$folder" && HOME=$tmp/home "$tmp/venv/bin/python" -B report.py) | tee "$tmp/$folder/out"
done
[ "$(cat "$tmp/sales/out")" = 'sales of 2025 | sales of 2025' ]
[ "$(cat "$tmp/costs/out")" = 'sales of 2025 | costs of 2025' ]
HOME=$tmp/home python_run <<'PYTHON'
from cachier import cachier


def multiplier(factor):
    @cachier()
    def multiply(x):
        return x * factor

    return multiply


lambdas = cachier()(lambda x: x + 1)(1), cachier()(lambda x: x + 2)(1)
closures = multiplier(2)(10), multiplier(3)(10)
print("1 + 1 and 1 + 2 by two lambdas:", lambdas, "| 10 * 2 and 10 * 3 by two closures:", closures)
assert lambdas == (2, 2) and closures == (20, 20)
PYTHON
