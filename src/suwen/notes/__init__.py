"""Clinical notes in English and Chinese: from text to coded facts with the spans they rest on."""
