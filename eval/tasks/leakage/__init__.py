"""Do the tags around inserted names leak into what a model writes?"""
