"""How the report looks: one readable column, dark ink on white, also on paper."""

from pages.shared.colours import faint, ink

STYLE = f"""
body {{ margin: 0; color: {ink()}; background: white; font: 16px/1.55 "Source Sans 3", "Source Sans Pro", sans-serif; }}
main {{ max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.25rem; margin: 2.5rem 0 0.5rem; }}
p {{ margin: 0.4rem 0; max-width: 46rem; }}
figure {{ margin: 1rem 0; }}
.table {{ overflow-x: auto; margin: 1rem 0; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid {faint()}; vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; }}
@media print {{ section {{ break-inside: avoid; }} }}
"""
