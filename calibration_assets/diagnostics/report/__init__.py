"""The report: one self-contained HTML file made from a diagnosis alone, readable without a server or a network."""
