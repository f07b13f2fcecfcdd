"""Japanese benchmarks: JCommonsenseQA, JEMHopQA, NIILC and JAQKET v2."""
