"""Close Call: why does a text classifier miss its rare class?"""
