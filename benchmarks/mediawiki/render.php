<?php
/**
 * Reads a JSON object {"text": wikitext} from each line, parses it with MediaWiki, and writes {"html": …} as a line.
 * Templates give no text; links have data-title, data-fragment and data-wiki.
 */
require_once getenv( 'MW_INSTALL_PATH' ) . '/maintenance/Maintenance.php';

use MediaWiki\MediaWikiServices;

class Render extends Maintenance {
	public function execute() {
		$parser = MediaWikiServices::getInstance()->getParserFactory()->create();
		$title = Title::newFromText( 'Page of the oracle' );
		while ( ( $line = fgets( STDIN ) ) !== false ) {
			$options = ParserOptions::newFromAnon();
			$options->setTemplateCallback( static function ( $template ) {
				return [ 'text' => '', 'finalTitle' => $template, 'deps' => [] ];
			} );
			$output = $parser->parse( json_decode( $line, true )['text'], $title, $options );
			$html = $output->getText( [ 'enableSectionEditLinks' => false, 'allowTOC' => false, 'unwrap' => true ] );
			fwrite( STDOUT, json_encode( [ 'html' => $html ] ) . "\n" );
			fflush( STDOUT );
		}
	}
}

$maintClass = Render::class;
require_once RUN_MAINTENANCE_IF_MAIN;
