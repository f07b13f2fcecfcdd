"""X-CODAH and X-CSQA in 16 languages (X-CSR, Lin et al., ACL 2021, arXiv 2106.06937; data MIT, `INK-USC/xcsr` on the hub)."""
