"""Write facts about cities in many languages: `python -m eval.cities --config conf/eval/cities.yaml`."""

from eval.config import CitySettings
from eval.facts.city_files import write_city_questions
from spark_jobs.common.command_line import command

if __name__ == "__main__":
    command(CitySettings, write_city_questions, "Write facts about cities in many languages, for the tasks cities_<language>.")
