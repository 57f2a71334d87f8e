"""Values of households under the rules of policyengine-us; the only folder that imports it."""
