"""Facts about cities in many languages, written as the data files of the tasks `cities_<language>`.

`city_files.write_city_questions` writes the files; `geonames` reads names and may be imported from elsewhere. The tasks are in
`tasks`.
"""
